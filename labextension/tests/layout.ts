/** jsdom lays nothing out; whatever is asked for its size is as large as a small window. */
export function giveSizes(): void {
  for (const [name, size] of [
    ['clientHeight', 600],
    ['clientWidth', 1000]
  ] as const) {
    Object.defineProperty(Element.prototype, name, { configurable: true, get: () => size });
  }
  HTMLElement.prototype.scrollTo = function (this: HTMLElement, options?: ScrollToOptions | number) {
    const top = typeof options === 'object' ? (options.top ?? 0) : 0;
    if (top !== this.scrollTop) {
      this.scrollTop = top;
      this.dispatchEvent(new Event('scroll'));
    }
  } as typeof HTMLElement.prototype.scrollTo;
  globalThis.ResizeObserver = class {
    observe = () => undefined;
    unobserve = () => undefined;
    disconnect = () => undefined;
  };
}
