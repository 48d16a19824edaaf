/** The inside of a subject: says where it listens, and its CPU time whenever it is asked. */

import type { SubjectReport } from './subject.ts';

export function subject(port: number): void {
  const report = () => {
    const { user, system } = process.cpuUsage();
    process.send!({ port, cpuMicros: user + system } satisfies SubjectReport);
  };
  process.on('message', report);
  process.on('disconnect', () => process.exit());
  report();
}
