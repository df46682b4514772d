/** First in, first out; both in constant time, which Array.shift() is not. */
export class Queue {
  #items = [];
  #head = 0;

  get length() {
    return this.#items.length - this.#head;
  }

  push(item) {
    this.#items.push(item);
  }

  /** The next item, which stays; undefined where there is none. */
  peek() {
    return this.#items[this.#head];
  }

  shift() {
    const item = this.#items[this.#head];
    if (this.#head < this.#items.length) this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) {
      this.#items.length = this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** All items, taken out. */
  clear() {
    const items = this.#items.slice(this.#head);
    this.#items.length = this.#head = 0;
    return items;
  }

  *[Symbol.iterator]() {
    for (let at = this.#head; at < this.#items.length; ++at) yield this.#items[at];
  }
}
