"""The commands, one file each.

SUMMARY:               one sentence that says what the command does.
EXAMPLE:               text at the end of the command's help.
add_arguments(parser): adds the command's arguments to the parser.
run(args):             carries out the command and returns an Answer.
"""
