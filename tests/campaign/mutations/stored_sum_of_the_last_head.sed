# file: src/campaign/differential/differential_engine.cpp
# options: --set accelerator.buffers.k.words=120 --set accelerator.buffers.v.words=144
# A sum that stays is formed for the last query head.
s/^  tile\.head = schedule\.tiles()\.front()\.tile\.head;$//
