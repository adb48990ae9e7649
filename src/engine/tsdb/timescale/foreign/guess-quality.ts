import type { CatalogueColumn, MappedQuality, MappingGuess } from '#shared/model/index.ts';
import type { Examples } from './guess-time.ts';
import { NAMES, plain } from './names.ts';

export interface QualityGuess {
  readonly quality: MappedQuality;
  readonly reason: string;
  readonly questions: MappingGuess['questions'];
}

const whole = { good: [], uncertain: [] };

/** How a column tells good values from bad ones; null where it does not look like it does. */
export function guessQuality(column: CatalogueColumn, examples: Examples): QualityGuess | null {
  const name = plain(column.name);
  if (!NAMES.quality.test(name)) return null;
  const seen = [...new Set((examples.get(column.name) ?? []).filter((text) => text !== null))];
  const quoted = `"${column.name}"`;
  if (column.kind === 'boolean') {
    if (/bad|invalid/.test(name)) {
      const quality = { column: column.name, rule: 'values', good: ['false'], uncertain: [] } as const;
      return { quality, reason: `${quoted} is the quality: true means bad by its name.`, questions: [] };
    }
    const quality = { column: column.name, rule: 'boolean', ...whole } as const;
    return { quality, reason: `${quoted} is the quality: true means good.`, questions: [] };
  }
  if (column.kind === 'text') return texts(column.name, seen, name);
  if (column.kind !== 'integer' && column.kind !== 'number') return null;
  const numbers = seen.map(Number);
  const codes = numbers.some((code) => code < 0 || code > 0xffff) || /status_?code/.test(name);
  if (codes && (numbers.length === 0 || numbers.some((code) => code === 0))) {
    const quality = { column: column.name, rule: 'status-code', ...whole } as const;
    return {
      quality,
      reason: `${quoted} is the quality: codes of 32 bits as OPC UA has them, 0 is good.`,
      questions: [],
    };
  }
  if (numbers.some((code) => code >= 192 && code <= 255) || (numbers.length === 0 && !/^(status|flag)/.test(name))) {
    const quality = { column: column.name, rule: 'opc', ...whole } as const;
    const why =
      numbers.length === 0 ? 'no row was there to tell; OPC is the usual' : '192 and above is good, as in OPC';
    return { quality, reason: `${quoted} is the quality: ${why}.`, questions: [] };
  }
  // A handful of small numbers: some count 0 as good, some 1. Anything else called status is a state of the plant.
  if (numbers.length === 0 || seen.length > 8) return null;
  const good = seen.includes('0') && !/good|valid|ok/.test(name) ? '0' : '1';
  return {
    quality: { column: column.name, rule: 'values', good: [good], uncertain: [] },
    reason: `${quoted} may be the quality: it holds ${seen.slice(0, 8).join(', ')}.`,
    questions: [
      {
        path: 'quality.good',
        text: `Which of the numbers in ${quoted} mean good? It holds ${seen.slice(0, 8).join(', ')}.`,
        choices: seen.slice(0, 8).map((value) => ({ value, title: value })),
      },
    ],
  };
}

const GOOD = /^(good|ok|valid|gut|g|a|normal|true|yes|192|0x?0*)$|^good\b/i;
const UNCERTAIN = /^(uncertain|unsicher|u|suspect|questionable|doubtful)\b/i;

function texts(column: string, seen: readonly string[], name: string): QualityGuess | null {
  const good = seen.filter((text) => GOOD.test(text));
  const uncertain = seen.filter((text) => UNCERTAIN.test(text));
  // A text called status without a word for good is a state of the plant.
  if (seen.length > 20 || (good.length === 0 && (seen.length > 0 || !/^(q|g)/.test(name)))) return null;
  const sure = good.length > 0;
  return {
    quality: { column, rule: 'values', good: sure ? good : ['Good'], uncertain },
    reason: `"${column}" is the quality: ${(sure ? good : ['Good']).map((text) => `"${text}"`).join(', ')} ${sure ? 'means' : 'may mean'} good.`,
    questions: sure
      ? []
      : [
          {
            path: 'quality.good',
            text: `Which texts in "${column}" mean good? No row was there to tell.`,
            choices: ['Good', 'GOOD', 'good', 'OK'].map((value) => ({ value, title: value })),
          },
        ],
  };
}
