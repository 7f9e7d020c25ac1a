# file: src/campaign/differential/checker_replay.cpp
# What a checker carries from query tile to query tile is not compared.
s/if (std::memcmp(book->at(group, 0), from, bytes) != 0) return true;/static_cast<void>(book);/
