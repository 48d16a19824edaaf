/** The list of pictures on the page. */

import type { Picture } from './api.ts';

/** Milliseconds after which a picture that did not load is asked for again, and how often. */
const imageRetryMs = 1000;
const imageRetries = 5;

interface Card {
  readonly element: HTMLLIElement;
  readonly status: HTMLElement;
  picture?: Picture;
}

export class Gallery {
  readonly #list: HTMLOListElement;
  readonly #cards = new Map<string, Card>();

  constructor(list: HTMLOListElement) {
    this.#list = list;
  }

  /** Ids of pictures whose job is not done yet. */
  get waiting(): string[] {
    return [...this.#cards].filter(([, card]) => card.picture?.status === 'waiting').map(([id]) => id);
  }

  has(id: string): boolean {
    return this.#cards.has(id);
  }

  /** Shows a picture: a known one is brought up to date, a new one goes to the top or the end of the list. */
  show(picture: Picture, where: 'first' | 'last' = 'first'): void {
    const known = this.#cards.get(picture.id);
    const card = known ?? newCard(`Picture ${picture.id}`);
    if (!known) {
      this.#cards.set(picture.id, card);
      if (where === 'first') this.#list.prepend(card.element);
      else this.#list.append(card.element);
    }
    // A late answer never takes labels away.
    if (card.picture && card.picture.status !== 'waiting' && picture.status === 'waiting') return;
    if (!card.element.querySelector('img')) card.element.prepend(imageOf(picture));
    card.picture = picture;
    describe(card, picture);
  }

  /** A card for a picture that is on its way; `become` turns it into a shown one. */
  announce(file: File): {
    progress(share: number): void;
    become(picture: Picture): void;
    fail(reason: string): void;
  } {
    const card = newCard(file.name);
    const preview = document.createElement('img');
    const address = URL.createObjectURL(file);
    preview.src = address;
    preview.alt = '';
    preview.onload = () => URL.revokeObjectURL(address);
    const bar = document.createElement('progress');
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute('aria-label', `Upload of ${file.name}`);
    card.status.textContent = 'Uploading ';
    card.status.append(bar);
    card.element.prepend(preview);
    this.#list.prepend(card.element);
    return {
      progress: (share) => {
        bar.value = share;
      },
      become: (picture) => {
        // The news of the result may have been faster than the answer.
        this.#cards.get(picture.id)?.element.remove();
        const known = this.#cards.get(picture.id)?.picture;
        this.#cards.set(picture.id, card);
        card.picture = known ?? picture;
        describe(card, card.picture);
      },
      fail: (reason) => {
        card.status.textContent = reason;
        card.element.dataset['status'] = 'failed';
      },
    };
  }
}

function newCard(title: string): Card {
  const element = document.createElement('li');
  const status = document.createElement('p');
  element.title = title;
  element.append(status);
  return { element, status };
}

function describe({ element, status }: Card, picture: Picture): void {
  element.dataset['id'] = picture.id;
  element.dataset['status'] = picture.status;
  const image = element.querySelector('img');
  if (picture.status === 'waiting') {
    status.textContent = 'Accepted. Looking at it…';
    if (image) image.alt = 'A picture that is being looked at';
  } else if (picture.status === 'rejected') {
    status.textContent = picture.reason;
    if (image) image.alt = 'A picture that could not be read';
  } else {
    const names = picture.labels.map((label) => label.name);
    status.replaceChildren(...picture.labels.map(labelOf));
    if (names.length === 0) status.textContent = 'Nothing recognised.';
    if (image) image.alt = names.length > 0 ? `A picture with ${names.join(', ')}` : 'A picture';
  }
}

function labelOf({ name, score }: { name: string; score: number }): HTMLElement {
  const label = document.createElement('span');
  label.className = 'label';
  label.textContent = `${name} ${Math.round(score)}\u00a0%`;
  return label;
}

/** A picture of another region may take a moment to arrive. */
function imageOf(picture: Picture): HTMLImageElement {
  const image = document.createElement('img');
  image.loading = 'lazy';
  image.decoding = 'async';
  image.src = picture.url;
  let tries = 0;
  image.onerror = () => {
    if (tries++ >= imageRetries) return;
    setTimeout(() => {
      image.src = picture.url;
    }, imageRetryMs * tries);
  };
  return image;
}
