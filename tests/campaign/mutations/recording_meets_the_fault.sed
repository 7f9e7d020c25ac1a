# file: src/campaign/differential/checker_replay.cpp
# options: --memory 1
# A tile that is recorded again takes part in the injection.
s/^    suspend();$//
