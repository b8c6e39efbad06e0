"""For every test: the signals of a terminal mean what they mean there."""

import signal

# Whoever starts the tests in the background of a shell has them ignored, and every child would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
