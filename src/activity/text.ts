/** What may be in the texts of this activity. */

/** Characters as people count them: Unicode code points, so an emoji is one. */
export function lengthOf(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xdc00) length--;
  return length;
}

/** Can it be a name in a database of any kind? Half a surrogate pair has no UTF-8 form, and PostgreSQL keeps no NUL. */
export function isNameable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** For messages: in quotes, and cut to a length that can be read. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
