/** Loaded into a Node child that has an IPC channel: it ends when the run that holds the other end is gone. */
process.once('disconnect', () => process.exit(0));
