import { csv } from './csv.ts';
import { fuxa } from './fuxa.ts';
import { kepware } from './kepware.ts';
import { layout } from './layout.ts';
import { modbusScope } from './modbusscope.ts';
import type { TagListFormat } from './tag-list.ts';
import { telegraf } from './telegraf.ts';

/** All formats of tag lists, the most particular first. A new one is a file beside this one and an entry here. */
export const tagListFormats: readonly TagListFormat[] = [modbusScope, telegraf, fuxa, kepware, layout, csv];

/** The format that was asked for, or the one that the text is in. */
export function formatOf(text: string, id: string | null): TagListFormat {
  return (
    tagListFormats.find((format) => format.id === id) ?? tagListFormats.find((format) => format.recognise(text)) ?? csv
  );
}
