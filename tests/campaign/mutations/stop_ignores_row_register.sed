# file: src/campaign/differential/checker_replay.cpp
# One row register of a checker, of P·V, is not compared.
s/if (std::memcmp(book.at(group, 0), from + lanes/if (b != score_books_ \&\& std::memcmp(book.at(group, 0), from + lanes/
