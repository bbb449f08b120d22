// Python, its chains and its ExceptionGroups.

import { Best, Sections } from './frame.js';
import { fits, lineNumber, splitOnce } from './location.js';
import { frameIn } from './own.js';

/** @typedef {import('./line.js').Line} Line */

export class Python {
  best = new Best();
  sections = new Sections();
  /** @type {'begin' | 'traceback' | 'frames' | 'message'} */
  state = 'begin';
  indent = 0;
  firstOfGroupRead = false;
  leads = false;

  /**
   * @param {Line} line
   * @param {number} number
   */
  read(line, number) {
    const { text } = line;
    if (isPythonHeading(text)) {
      this.state = 'traceback';
      this.firstOfGroupRead &&= line.piped;
      this.beginSection();
      return true;
    }
    if (text.startsWith('+-')) {
      this.state = 'traceback';
      this.firstOfGroupRead ||= !text.startsWith('+-+');
      this.beginSection();
      return true;
    }
    if (this.state === 'message') return false;
    const frame = pythonFrame(text);
    if (frame) {
      this.leads ||= this.state === 'traceback' && this.best.first === Infinity;
      [this.state, this.indent] = ['frames', line.indent];
      this.best.offer(frame, this.sections.current, number, true);
      return true;
    }
    if (this.state === 'frames' && line.indent < this.indent) this.state = 'message';
    return false;
  }

  /** Of the inner errors of a group the first one counts as the one that was raised. */
  beginSection() {
    if (this.firstOfGroupRead) this.sections.earlier();
    else this.sections.later();
  }
}

/** @param {string} text */
function isPythonHeading(text) {
  return (
    (text.endsWith('Traceback (most recent call last):') && text.length < 80) ||
    text.startsWith('The above exception') ||
    text.startsWith('During handling of the above exception')
  );
}

/** @param {string} text */
function pythonFrame(text) {
  const split = text.startsWith('File "') ? splitOnce(text.slice(6), '", line ') : undefined;
  const line = lineNumber(/^[0-9]+/.exec(split?.[1] ?? '')?.[0]);
  return split && line !== undefined && fits(split[0]) ? frameIn(split[0], line) : undefined;
}
