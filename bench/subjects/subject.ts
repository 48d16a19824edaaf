/** A process of its own that a benchmark drives, so that its CPU time is nobody else's. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** What a subject says when it listens, and whenever it is asked. */
export interface SubjectReport {
  readonly port: number;
  /** Microseconds of CPU time, user and system, since the process began. */
  readonly cpuMicros: number;
}

export class Subject {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** @param file in this folder; it calls `subject` of `listen.ts` */
  static async start(file: string, args: readonly string[] = []): Promise<Subject> {
    const child = fork(join(import.meta.dirname, file), [...args], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const ended = once(child, 'exit').then(() => {
      throw new Error(`the subject ${file} ended before it listened`);
    });
    const [report] = await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => {});
    return new Subject(child, (report as SubjectReport).port);
  }

  async cpuMicros(): Promise<number> {
    const answer = once(this.#child, 'message');
    this.#child.send('report');
    const [report] = await answer;
    return (report as SubjectReport).cpuMicros;
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    this.#child.kill();
    await ended;
  }
}
