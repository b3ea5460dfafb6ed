import { HIDDEN } from './escapeText.js';

/**
 * Letters, digits and signs that Unicode (UTS 39) calls confusable with ASCII, besides those that NFKC turns into it: in each group, the first one is ASCII and
 * the others look like it.
 */
const GROUPS =
  'aаɑα AАΑᎪꓮ bЬ BВΒᏴꓐ cсᴄⲥꮯ CСⲤᏟꓚ dԁ DᎠꓓ eе EЕΕᎬꓰ FꓝϜ gɡց GԌᏀꓖ hһհᏂ HНΗᎻⲎꓧ iіιıɩᎥꭲ jјϳյ JЈᎫꓙ kκ KКΚᏦⲔꓗ IІΙꓲ lӏǀӀߊ LԼᏞꓡ MМΜᎷⲘꓟ nոռ NΝⲚꓠ oоοօⲟσᴏ०੦ഠ๐໐ဝ၀\u05e1\u0665\u07c0ჿ𐐬𐓪 OОΟՕⲞꓳ𐐄𐓂 pрρⲣ PРΡᏢⲢꓑ qԛզգ QԚ rгⲅꮁ RᎡꓣ sѕꜱꮪ𐑈 SЅՏᏚꓢ TТΤᎢⲦꓔ uυսᴜʋ𐓶 UՍꓴ𐓎 vѵνᴠꮩ VѴᏙꓦ wԝᴡꮃ WԜᏔᎳꓪ xх XХΧꓫ yуүγყ YҮУΥᎩꓬ zᴢꮓ ZΖᏃꓜ 3З 5ƽ 6б';

/** What each look-alike looks like. */
export const LOOKALIKES: ReadonlyMap<string, string> = /* @__PURE__ */ new Map(
  GROUPS.split(' ').flatMap((group) => {
    const [ascii, ...others] = group;
    return others.map((other) => [other, ascii as string] as const);
  }),
);

const ALL_HIDDEN = new RegExp(HIDDEN, 'gu');

/** A text as a person sees it: without what is hidden, and each look-alike as the ASCII character that it looks like. */
export function seenAs(text: string): string {
  if (/^[ -~]*$/.test(text)) return text;
  return text
    .replace(ALL_HIDDEN, '')
    .normalize('NFKC')
    .replace(/[^ -~]/gu, (char) => LOOKALIKES.get(char) ?? char);
}

/** The skeleton of a text: texts with the same one can be taken for each other, also where both are ASCII (`l` and `1`, `rn` and `m`). */
export function skeleton(text: string): string {
  return seenAs(text).replace(/[I1|]/g, 'l').replaceAll('0', 'O').replaceAll('rn', 'm');
}
