"""The parts of `scripts/check`: each check returns what is wrong, one line per problem."""
