/** The page: pictures go in, labels come back. */

import './style.css';
import { ApiError, api, whenServed } from './api.ts';
import { Gallery } from './gallery.ts';
import { listen } from './live.ts';
import { upload } from './upload.ts';

const find = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
const form = find<HTMLFormElement>('drop');
const files = find<HTMLInputElement>('files');
const notice = find('notice');
const served = find('served');
const more = find<HTMLButtonElement>('more');
const gallery = new Gallery(find<HTMLOListElement>('pictures'));

whenServed((region, task) => {
  served.textContent = `Served by ${region}, task ${task}`;
});

async function send(file: File): Promise<void> {
  const card = gallery.announce(file);
  try {
    card.become(await upload(file, card.progress));
  } catch (error) {
    card.fail(sentence(error));
  }
}

function sendAll(chosen: FileList | null | undefined): void {
  for (const file of chosen ?? []) void send(file);
}

files.addEventListener('change', () => {
  sendAll(files.files);
  files.value = '';
});
form.addEventListener('dragover', (event) => {
  event.preventDefault();
  form.dataset['over'] = '';
});
form.addEventListener('dragleave', () => {
  delete form.dataset['over'];
});
form.addEventListener('drop', (event) => {
  event.preventDefault();
  delete form.dataset['over'];
  sendAll(event.dataTransfer?.files);
});

/** Asks for one picture; one that another region knows may not have arrived here yet. */
async function refresh(id: string, attempt = 1): Promise<void> {
  try {
    gallery.show(await api.get(id));
  } catch {
    if (attempt < 5) setTimeout(() => void refresh(id, attempt + 1), 300 * 2 ** attempt);
  }
}

let next: string | undefined;
let listed = false;

/** The newest pictures; the first time also where the older ones begin. */
async function showNewest(): Promise<void> {
  try {
    const page = await api.list();
    // From the oldest, so that the newest ends up first.
    for (const picture of [...page.images].reverse()) gallery.show(picture);
    if (!listed) setNext(page.next);
    listed = true;
    notice.textContent = '';
  } catch (error) {
    notice.textContent = sentence(error);
  }
}

async function showOlder(): Promise<void> {
  try {
    const page = await api.list(next);
    for (const picture of page.images) gallery.show(picture, 'last');
    setNext(page.next);
  } catch (error) {
    notice.textContent = sentence(error);
  }
}

function setNext(cursor: string | undefined): void {
  next = cursor;
  more.hidden = cursor === undefined;
}

function sentence(error: unknown): string {
  return error instanceof ApiError ? error.message : 'The service does not answer; trying again.';
}

more.addEventListener('click', () => void showOlder());
listen({
  finished: (id) => void refresh(id),
  catchUp: () => void showNewest(),
  checkWaiting: () => {
    for (const id of gallery.waiting) void refresh(id);
    if (!listed) void showNewest();
  },
});
void showNewest();
