import { expect, it } from 'vitest';
import { fileName } from './recorder.ts';

it('makes a name that every file system and every address takes, of any text', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['Coil 4711: first/last', 'Coil 4711_ first_last'],
    ['Walzgerüst ⚙ 𝛼', 'Walzgerüst ⚙ 𝛼'],
    ['half \ud800 of a character', 'half _ of a character'],
    ['CON', 'recording_CON'],
    ['..', 'recording_'],
    ['tab\tend. ', 'tab_end'],
  ];
  for (const [text, name] of cases) expect(fileName(text)).toBe(name);
  expect(Buffer.byteLength(fileName('ü'.repeat(500)))).toBe(200);
  expect(() => encodeURIComponent(fileName('\udfff\ud800'))).not.toThrow();
});
