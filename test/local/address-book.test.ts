import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { AddressBook } from '../../local/address-book.ts';
import { temporaryFolder } from '../support/assembly.ts';

let server: Server | undefined;
afterEach(() => {
  server?.close();
});

const file = (): string => join(temporaryFolder(), 'addresses.json');

test('a name keeps its port and addresses over restarts', async () => {
  const path = file();
  const first = (await AddressBook.open(path, 4)).list('eu-west-1/Web');
  expect(first.ipv4).toMatch(/^198\.18\./);
  expect(first.ipv6).toMatch(/^2001:db8::/);
  const book = await AddressBook.open(path, 4);
  expect(book.list('eu-west-1/Web')).toEqual(first);
  expect(book.list('eu-west-1/Other').port).not.toBe(first.port);
});

test('names, aliases in any case and virtual addresses lead to the same port', async () => {
  const book = await AddressBook.open(file(), 4);
  const { port, ipv4, ipv6 } = book.list('eu-west-1/Web');
  book.alias('Web.Example.com', 'eu-west-1/Web');
  for (const name of ['eu-west-1/Web', 'WEB.example.COM', ipv4, ipv6]) {
    expect(book.dial(name)).toEqual({ host: '127.0.0.1', port });
  }
  expect(() => book.dial('nobody')).toThrow("nothing is listed under 'nobody'");
});

test('a port that another program took in the meantime is given up', async () => {
  const path = file();
  const { port, ipv4 } = (await AddressBook.open(path, 4)).list('x');
  server = createServer();
  await new Promise<void>((resolve) => server!.listen(port, '127.0.0.1', resolve));
  const again = (await AddressBook.open(path, 4)).list('x');
  expect(again.port).not.toBe(port);
  expect(again.ipv4).toBe(ipv4);
});

test('a given port is taken as it is, also for a name that had another', async () => {
  const book = await AddressBook.open(file(), 4);
  const before = book.list('edge/https');
  expect(book.list('edge/https', 18_999)).toEqual({ ...before, port: 18_999 });
  expect(book.dial('edge/https').port).toBe(18_999);
});

test('who listens hears of every change, and of nothing that is known', async () => {
  const book = await AddressBook.open(file(), 4);
  let changes = 0;
  const end = book.listen(() => {
    changes += 1;
  });
  book.list('a');
  book.list('a');
  book.alias('b', 'a');
  end();
  book.list('c');
  expect(changes).toBe(2);
});
