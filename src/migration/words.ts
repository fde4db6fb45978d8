/** Counts in a sentence: `1 row`, `2 rows`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${value} ${value === 1 ? one : many}`;
}
