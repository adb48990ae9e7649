interface ColumnRule {
  readonly column: string;
  /** Other headings for the same column, lower case, without blanks and punctuation. */
  readonly aliases: readonly string[];
  readonly means: string;
}

export const TAG_COLUMNS = [
  {
    column: 'name',
    aliases: ['tag', 'tagname', 'symbol', 'signal', 'bezeichnung'],
    means: 'Name of the tag, unique in the project. Needed.',
  },
  {
    column: 'connection',
    aliases: ['link', 'channel'],
    means: 'Name of the connection. Needed only where two devices have the same name.',
  },
  { column: 'device', aliases: ['devicename', 'unit name', 'station', 'plc'], means: 'Name of the device.' },
  {
    column: 'address',
    aliases: ['register', 'adresse', 'location'],
    means: "Address in any of the protocol's notations. Needed.",
  },
  {
    column: 'type',
    aliases: ['datatype', 'format', 'datentyp'],
    means:
      'int16, uint16, int32, float32, bit, string, ... or IEC names such as DINT and REAL. Empty: from the address.',
  },
  {
    column: 'order',
    aliases: ['byteorder', 'wordorder', 'endianness'],
    means: "ABCD, CDAB, BADC or DCBA. Empty: the device's order.",
  },
  { column: 'gain', aliases: ['factor', 'multiplier', 'scale'], means: 'Engineering value = raw x gain + offset.' },
  { column: 'offset', aliases: ['bias'], means: 'See gain.' },
  {
    column: 'raw_low',
    aliases: ['rawmin'],
    means: 'Scaling by ranges: raw_low to raw_high becomes scaled_low to scaled_high.',
  },
  { column: 'raw_high', aliases: ['rawmax'], means: 'See raw_low.' },
  { column: 'scaled_low', aliases: ['scaledlow', 'engmin', 'eumin'], means: 'See raw_low.' },
  { column: 'scaled_high', aliases: ['scaledhigh', 'engmax', 'eumax'], means: 'See raw_low.' },
  { column: 'clamp', aliases: ['clamped', 'limit'], means: 'yes: values outside the scaled range are limited to it.' },
  { column: 'unit', aliases: ['units', 'engineeringunit', 'eu', 'einheit'], means: 'Unit, as text.' },
  { column: 'decimals', aliases: ['digits', 'precision'], means: 'Digits after the decimal sign, 0 to 12.' },
  { column: 'range_low', aliases: ['displaymin', 'min', 'low'], means: 'Lower end of the display range.' },
  { column: 'range_high', aliases: ['displaymax', 'max', 'high'], means: 'Upper end of the display range.' },
  {
    column: 'period_ms',
    aliases: ['period', 'scanrate', 'rate', 'interval', 'cycle', 'timebase'],
    means: 'Milliseconds between two reads, 1 to 86400000. Empty: 1000.',
  },
  { column: 'time', aliases: ['timekind', 'timestamp'], means: 'source, server or receive. Empty: receive.' },
  { column: 'enabled', aliases: ['active', 'used'], means: 'yes or no. Empty: yes.' },
  { column: 'description', aliases: ['comment', 'desc', 'text', 'kommentar'], means: 'Free text.' },
  {
    column: 'id',
    aliases: ['tagid'],
    means: 'Identity of an existing tag: lets an import rename it. Empty for new tags.',
  },
] as const satisfies readonly ColumnRule[];
export type ColumnName = (typeof TAG_COLUMNS)[number]['column'];
