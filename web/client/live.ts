/** News of finished jobs: by server-sent events, and by asking where those do not come through. */

/** Milliseconds between questions while no stream is open. */
const pollMs = 2000;
/** Milliseconds between questions about waiting pictures while a stream is open: an event may get lost. */
const checkMs = 15_000;

export interface Listener {
  /** A job was finished. */
  finished(imageId: string): void;
  /** Events may have been missed: look at everything shown. */
  catchUp(): void;
  /** Look at the pictures that are still waiting. */
  checkWaiting(): void;
}

/** Listens while the page is visible: a browser allows six connections to a host, hidden pages must not hold them. */
export function listen(listener: Listener): void {
  let source: EventSource | undefined;
  let asking: ReturnType<typeof setInterval> | undefined;

  const askEvery = (ms: number) => {
    clearInterval(asking);
    asking = setInterval(() => listener.checkWaiting(), ms);
  };

  const open = () => {
    source = new EventSource('/api/events');
    askEvery(pollMs);
    source.onopen = () => {
      askEvery(checkMs);
      listener.catchUp();
    };
    source.onmessage = ({ data }) => listener.finished((JSON.parse(data) as { imageId: string }).imageId);
    source.onerror = () => {
      askEvery(pollMs);
      // The browser connects again by itself, except after an answer that is no stream.
      if (source?.readyState === EventSource.CLOSED) setTimeout(reopen, pollMs);
    };
  };
  const close = () => {
    source?.close();
    source = undefined;
    clearInterval(asking);
  };
  const reopen = () => {
    close();
    if (document.visibilityState === 'visible') open();
  };

  document.addEventListener('visibilitychange', reopen);
  reopen();
}
