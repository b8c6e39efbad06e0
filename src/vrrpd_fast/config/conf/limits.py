"""How much a file may ask for: far above what anybody writes, far below what hurts."""

LARGEST_FILE = 64 << 20  # bytes, each file
MOST_BYTES = 128 << 20  # of all files together
MOST_FILES = 4096
DEEPEST_INCLUDE = 32
LONGEST_PATTERN = 1024  # characters of one include
MOST_DIRECTORY_ENTRIES = 20_000  # looked at for all patterns of include together
MOST_ALTERNATIVES = 1024  # of { } in one include

# keepalived reads a longer line in pieces and takes the later ones for lines of their own (MAXBUF).
LONGEST_OF_KEEPALIVED = 1023  # bytes
LONGEST_LINE = 65_536  # characters, also after definitions are filled in

DEEPEST_BLOCK = 32
DEEPEST_EXPANSION = 48  # definitions of several lines in one another, ~SEQ and ~LST on one line, include

MOST_LINES = 500_000  # after repetition and definitions
MOST_WORDS = 1_000_000
MOST_CHARACTERS = 32 << 20  # that filling in definitions may copy

MOST_FINDINGS = 1000
LONGEST_MESSAGE = 1000
