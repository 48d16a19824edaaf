import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AddressBook } from '../../local/address-book.ts';
import { EventLog, type RunEvent } from '../../local/events.ts';
import { HostProcess } from '../../local/host-process.ts';
import { ProcessTable } from '../../local/process-table.ts';
import { temporaryFolder } from '../support/assembly.ts';

const stateDir = temporaryFolder();
const events = new EventLog();
const logged: string[] = [];
let processes: ProcessTable;
let book: AddressBook;
let host: HostProcess;

beforeAll(async () => {
  processes = new ProcessTable(stateDir);
  book = await AddressBook.open(join(stateDir, 'addresses.json'), 5);
  host = new HostProcess({
    region: 'eu-west-1',
    processes,
    book,
    events,
    log: (part, line) => logged.push(`${part}: ${line}`),
    entry: join(import.meta.dirname, '../support/echo-host.ts'),
  });
  await host.start();
});
afterAll(async () => {
  await host.stop();
  await processes.close('kill');
});

/** Resolves with the next event of that name. */
const next = (name: string): Promise<RunEvent> =>
  new Promise((resolve) => {
    const end = events.listen((event) => {
      if (event.event !== name) return;
      end();
      resolve(event);
    });
  });

test('a part is run, asked, changed and closed, and speaks through the run', async () => {
  const echo = await host.run('echo', 'Echo', { word: 'a' });
  expect(await echo.call('config')).toEqual({ word: 'a' });
  await echo.update({ word: 'b' });
  expect(await echo.call('config')).toEqual({ word: 'b' });
  const event = next('said');
  await echo.call('say', { n: 1 });
  expect(await event).toMatchObject({ region: 'eu-west-1', resource: 'Echo', detail: { n: 1 } });
  expect(logged).toContain('Echo: said');
  await expect(echo.call('fail')).rejects.toThrow('as asked');
  await echo.close();
  await echo.close();
  await expect(echo.call('config')).rejects.toThrow("no part 'Echo' runs in the host of eu-west-1");
});

test('a name that comes after the part has started can be dialled', async () => {
  const echo = await host.run('echo', 'Dialler', {});
  await expect(echo.call('dial', 'late')).rejects.toThrow("nothing is listed under 'late'");
  const { port, ipv4 } = book.list('late');
  book.alias('Late.Example', 'late');
  expect(await echo.call('dial', 'LATE.example')).toEqual({ host: '127.0.0.1', port });
  expect(await echo.call('dial', ipv4)).toEqual({ host: '127.0.0.1', port });
});

test('a part that cannot start says why', async () => {
  await expect(host.run('nothing', 'X', {})).rejects.toThrow("no part 'nothing'");
});

test('a host that dies comes back with its parts and their last configurations', async () => {
  const echo = await host.run('echo', 'Survivor', { word: 'first' });
  await echo.update({ word: 'last' });
  const died = next('died');
  const restarted = next('restarted');
  const { pid } = host;
  process.kill(pid!, 'SIGKILL');
  await died;
  expect(host.alive).toBe(false);
  await restarted;
  expect(host.pid).not.toBe(pid);
  expect(await echo.call('config')).toEqual({ word: 'last' });
});

test('a host that is stopped stays away, refuses new parts, and forgets none that was not closed', async () => {
  const kept = await host.run('echo', 'Kept', { word: 'kept' });
  const closed = await host.run('echo', 'Closed', {});
  const last = events.last;
  await host.stop();
  await closed.close();
  await kept.update({ word: 'changed' });
  await expect(kept.call('config')).rejects.toThrow('the host of eu-west-1 is not running');
  await expect(host.run('echo', 'New', {})).rejects.toThrow('start the region first');
  await host.start();
  expect(await kept.call('config')).toEqual({ word: 'changed' });
  await expect(closed.call('config')).rejects.toThrow("no part 'Closed'");
  expect(events.since(last).map(({ event }) => event)).not.toContain('died');
});

test('a call in flight fails when the host dies, and does not hang', async () => {
  const echo = await host.run('echo', 'Slow', {});
  const call = echo.call('never');
  const restarted = next('restarted');
  process.kill(host.pid!, 'SIGKILL');
  await expect(call).rejects.toThrow('the host of eu-west-1 ended');
  await restarted;
});
