/** Different spellings of the same name: each group starts with its common identity. */
export const SAME: readonly (readonly string[])[] = [
  ['strasse', 'Straße', 'STRASSE', 'Stra\u1e9ee', 'STRAßE', 'Stra\u00adße'],
  ['οδοσ', 'ΟΔΟΣ', 'οδος'],
  ['rose', 'Ｒｏｓｅ', 'ROSE', 'Rose', 'Ｒose'],
  ['caf\u00e9', 'Cafe\u0301', 'CAFÉ', 'CAFE\u0301', 'Cafe\u200b\u0301', 'Caf\u00e9\ufe0f'],
  ['iso e', 'Iso  E', 'ISO\u00a0E', 'iso\u3000 \u2003e', 'Iso\u2028E', 'iso\u1680E', 'ISO E', 'Iso \u200b E'],
  ['fig', 'ﬁg', 'FIG', 'Fig', 'Fig\ufeff', '\ufeffFig', 'Fig\u200b', 'F\u200di\u200cg'],
  ['ambroxan', 'Ambroxan®', 'AMBROXAN™', 'Ambroxan ©', '℠ Ambroxan', 'Ambroxan®™©℠', '® ambroxan ®'],
  [
    'iso e super',
    'Iso E Super®',
    'Iso E Super ®',
    'Iso E Super',
    'Iso® E ® Super',
    'Iso E Super\u00ae\ufe0f',
    'Iso  E\u2060 Super™',
  ],
  ['\u00e5ngstr\u00f6m', '\u212bngström', 'A\u030angstro\u0308m'],
  ['\u03c9', '\u2126', '\u03a9'],
  ['sandal', 'ſandal', 'Sandal', 'San\u00addal', 'S\u00ada\u00adn\u00add\u00ada\u00adl'],
  ['xii', 'Ⅻ', 'ⅻ'],
  ['\u03ac\u03b9', 'α\u0345\u0301', '\u1fb4', 'ά\u0345'],
  ['\u{10428}', '\u{10400}'],
  ['\u01f0', 'J\u030c', 'j\u030c'],
  // Dashes: hyphen, non-breaking, figure, en, em, bar, minus, small em, upright em and en, raised and lowered minus.
  ...[...'\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe31\ufe32\u207b\u208b\ufe63\uff0d'].map((dash) => [
    'cis-3-hexenol',
    'cis-3-Hexenol',
    `cis${dash}3${dash}Hexenol`,
  ]),
  ["l'heure", 'L\u2019Heure', 'l\u2018heure', 'L\u02bcheure', 'l\uff07heure', "L'HEURE"],
  ["'n", 'ŉ', '\u2019N', '\u02bcn'],
  // Directions, tags, variation selectors and fillers, which nobody sees.
  [
    'musk',
    '\u202eMusk\u202c',
    'Mu\u2066sk\u2069',
    '\u200fmusk',
    'Musk\u061c',
    'Musk\u{e0041}\u{e007f}',
    'Musk\u{e0100}',
  ],
  ['musk r1', 'Musk\u3164 R1', 'Musk R\u115f1', 'Musk\uffa0 R1', 'Musk \u180eR1', 'Musk\u034f R1', 'Musk\u17b4 R1'],
  ['\u2764', '\u2764\ufe0f', '\u2764\ufe0e', '\u2764\u{e0080}\ufff0\u2065'],
  ['\uac01', '\u1100\u1161\u11a8', 'ᄀ\u200b\u1161\u11a8'],
]

/** Different names that look alike. */
export const DIFFERENT: readonly (readonly [string, string])[] = [
  ['Rose', 'Rosé'],
  ['ı', 'i'],
  ['ı', 'I'],
  ['İ', 'I'],
  ['Iso E', 'IsoE'],
  ['Iso-E', 'Iso E'],
  ['Iso-E', 'IsoE'],
  ["L'Heure", 'LHeure'],
  ['L\u00b4Heure', "L'Heure"],
  ['L"Heure', "L'Heure"],
  ['Musk ~ 1', 'Musk - 1'],
  ['Ambroxan (R)', 'Ambroxan®'],
  ['Ambroxan TM', 'Ambroxan™'],
  ['а', 'a'],
  ['Linalool', 'Linalol'],
]

/** Names whose identity is empty, or far longer or shorter than they are. */
export const REFUSED: readonly (readonly [why: string, name: string])[] = [
  ['a zero-width space', '\u200b'],
  ['a soft hyphen', '\u00ad'],
  ['a Hangul filler', '\u3164'],
  ['a trade mark sign', '®'],
  ['signs and blanks', '® \u200b ™'],
  ['tags', '\u{e0041}\u{e0042}'],
  ['words that NFKC makes 18 letters of', '\ufdfa'.repeat(3)],
  ['squares that NFKC makes 6 letters of', '\u3316'.repeat(10)],
  ['one letter among 50 that are not seen', `a${'\u200b'.repeat(50)}`],
  ['two letters far apart', `a${'\u3000'.repeat(185)}b`],
  ['a quarter less one', `${'a'.repeat(25)}${'\u00ad'.repeat(76)}`],
  ['31 marks in a row', `a${'\u0315'.repeat(31)}`],
  ['31 marks with something unseen among them', `a${'\u0315\u200b\u0323'.repeat(16)}`],
]
