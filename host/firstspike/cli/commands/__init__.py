"""The commands, a file each: SUMMARY, EXAMPLE, add_arguments(parser), run(args) -> Answer."""
