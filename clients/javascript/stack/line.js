// The lines of a stack, without what log pipelines, terminals and ExceptionGroups put around them.

/** @typedef {{text: string, indent: number, piped: boolean}} Line */

/** How many characters are read from the beginning of a stack, and how many from its end. */
const END_CHARS = 128 * 1024;

/**
 * The beginning and the end of a stack, cut at line ends.
 *
 * @param {string} stack
 */
export function ends(stack) {
  if (stack.length <= 2 * END_CHARS) return [stack];
  const tail = stack.slice(-END_CHARS);
  const head = stack.slice(0, stack.lastIndexOf('\n', END_CHARS - 1) + 1);
  return [head, tail.includes('\n') ? tail.slice(tail.indexOf('\n') + 1) : ''];
}

/** @param {string} text */
export function withoutColours(text) {
  const [first = '', ...pieces] = text.split('\u001b');
  return first + pieces.map((piece) => piece.replace(/^\[[^@-~]*[@-~]/, '')).join('');
}

/**
 * The lines that are not empty, without those that only repeat the message.
 *
 * @param {string} text
 * @param {string} message
 */
export function* lines(text, message) {
  const next = messageIn(text, message);
  let said = next();
  let start = 0;
  while (start < text.length) {
    const feed = text.indexOf('\n', start);
    const after = feed < 0 ? text.length : feed + 1;
    let end = after;
    while (end > start && '\r\n'.includes(text[end - 1] ?? '')) end -= 1;
    while (said && said[1] < end) said = next();
    if (!said || said[0] > start) {
      const line = undecorated(text.slice(start, end));
      if (line.text) yield line;
    }
    start = after;
  }
}

/**
 * Where the message stands, one after the other. One of a single line matters only at the beginning.
 *
 * @param {string} text
 * @param {string} message
 * @returns {() => [number, number] | undefined}
 */
function messageIn(text, message) {
  let from = message && (message.includes('\n') || text.startsWith(message)) ? 0 : -1;
  return () => {
    const start = from < 0 ? -1 : text.indexOf(message, from);
    from = start < 0 || !message.includes('\n') ? -1 : start + message.length;
    return start < 0 ? undefined : [start, start + message.length];
  };
}

/**
 * A line without the blanks around it and without what supervisors of services (`web-1  | `), ExceptionGroups and trees put
 * before it.
 *
 * @param {string} line
 * @returns {Line}
 */
function undecorated(line) {
  let rest = trimEnd(line);
  let piped = false;
  const service = /^[\w.-]+ +\| /.exec(rest);
  if (service) {
    rest = rest.slice(service[0].length);
    piped = true;
  }
  for (;;) {
    const text = rest.replace(/^[ \t]+/, '');
    if (!/^[|\u2500-\u257f]/.test(text)) {
      return { text, indent: rest.length - text.length, piped };
    }
    piped ||= text.startsWith('|');
    rest = text.slice(text[1] === ' ' ? 2 : 1);
  }
}

/** @param {string} text */
export function trimEnd(text) {
  let end = text.length;
  while (end > 0 && ' \t\r\n'.includes(text[end - 1] ?? '')) end -= 1;
  return text.slice(0, end);
}
