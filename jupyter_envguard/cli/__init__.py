"""`jupyter envguard`: the site's verbs on the command line.

`main` reads the arguments and turns errors into one line and an exit code;
`verbs` is the table of what there is; every other module holds one group of
verbs and is imported only when one of them is asked for, because most of the
time of a command line is spent importing what it does not use.
"""
