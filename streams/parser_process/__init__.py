"""Read records in a child process, so that a record that takes too long can be ended alone.

`re` holds the interpreter's lock while it matches: nothing inside one process can end a slow match
of another thread. docs/adr/0005-parser-process.md has the reasons and the figures.

`adapter`: streams.ports.RecordReader, which also finds the record that killed a child.
`child_process`: the child as its parent sees it; kills a child that hangs asleep. `messages`: what goes through the pipe, as plain
values. `child`: the child's main module. `cpu_budget`: ends the present record once it has used its
processor time. `slow_lines`: which lines are not tried again after too many like them were
ended."""
