# file: src/campaign/differential/checker_replay.cpp
# The first row register of a checker is not compared.
s/rows_differ_ |= std::memcmp/rows_differ_ |= book != row_books_.front() \&\& std::memcmp/
