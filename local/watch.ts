/** Watches the folders whose code the run runs. */

import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';

/** Folders of the project that decide what a template or a bundle holds. */
export const watched = ['bin', 'config', 'contract', 'db', 'lambda', 'lib', 'runtime', 'web'] as const;

/** Quiet time after a change before it counts, milliseconds: an editor writes a file in several steps. */
const quietMs = 200;

/** Calls back once per burst of changes, with one of the files; returns how to end that. */
export function watchProject(project: string, changed: (file: string) => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const watchers = watched
    .filter((folder) => existsSync(join(project, folder)))
    .map((folder) =>
      watch(join(project, folder), { recursive: true }, (_, name) => {
        const file = join(folder, name ?? '');
        if (file.includes('node_modules') || /(~|\.sw.|\.tmp|\/\.[^/]*)$/.test(file)) return;
        clearTimeout(timer);
        timer = setTimeout(() => changed(file), quietMs);
      }),
    );
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}
