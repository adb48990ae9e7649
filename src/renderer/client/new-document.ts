let counter = 0;

/** Unique, and later ids sort behind earlier ones, so that a list by id is a list by age. */
export function newId(): string {
  counter = (counter + 1) % 46_656;
  const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return `${Date.now().toString(36)}${counter.toString(36).padStart(3, '0')}${random.toString(36).padStart(7, '0')}`;
}

/** `Pump` gives `Pump 2`, `Pump 2` gives `Pump 3`, whatever is not taken yet. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  const match = /^(.*?)\s*(\d+)$/.exec(name);
  const stem = match?.[1] ?? name;
  let number = match === null ? 2 : Number(match[2]) + 1;
  while (taken.has(`${stem} ${number}`)) number++;
  return `${stem} ${number}`;
}
