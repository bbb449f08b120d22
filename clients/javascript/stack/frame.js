// The best frame of a stack, and the sections of its errors.

/**
 * A place, and whether it is of the program's own code.
 *
 * @typedef {{file: string, line: number, own: boolean}} Frame
 */

/** The rank of a place that is told by the heading of a stack. It counts when no frame does. */
export const HEADING = Infinity;

export class Best {
  /** @type {Frame | undefined} */
  own;
  /** @type {Frame | undefined} */
  any;
  ownRank = Infinity;
  anyRank = Infinity;
  frames = 0;
  first = Infinity;

  /**
   * @param {Frame} frame
   * @param {number} rank How far it is from the error that was raised; less is better.
   * @param {number} number
   * @param {boolean} [lastIsInner] Of frames with the same rank, whether the last is the innermost, and not the first.
   */
  offer(frame, rank, number, lastIsInner = false) {
    this.frames += rank === HEADING ? 0 : 1;
    this.first = Math.min(this.first, number);
    if (!this.any || rank < this.anyRank || (lastIsInner && rank === this.anyRank)) {
      [this.any, this.anyRank] = [frame, rank];
    }
    if (frame.own && (!this.own || rank < this.ownRank || (lastIsInner && rank === this.ownRank))) {
      [this.own, this.ownRank] = [frame, rank];
    }
  }

  /** @param {Best} other */
  isPlainerThan(other) {
    return this.frames > other.frames || (this.frames === other.frames && this.first < other.first);
  }

  frame() {
    return this.own ?? this.any;
  }
}

/** The error that was raised, and those before it. */
export class Sections {
  current = 0;
  lowest = 0;
  highest = 0;

  later() {
    this.lowest -= 1;
    this.current = this.lowest;
  }

  earlier() {
    this.highest += 1;
    this.current = this.highest;
  }

  /** @param {string} text */
  read(text) {
    if (/^(caused by|suppressed:|\[cause\]|\[errors\]|\[previous exception\])/i.test(text)) {
      this.earlier();
    } else if (/^wrapped by:/i.test(text) || /^Next [\w\\\u0080-\uffff]+(?:[: ]|$)/.test(text)) {
      this.later();
    }
  }
}
