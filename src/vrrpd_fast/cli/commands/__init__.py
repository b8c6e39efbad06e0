"""One module a command of vrrpctl: add_arguments(parser), and run(arguments), which gives the exit status.

They are imported when their command is given; what is slow to import is imported by run().
"""
