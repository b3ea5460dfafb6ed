import { html as template } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';

/** A piece of a page. What was put into it is escaped. */
export type Html = HtmlEscapedString;

/** What can stand in a page: text is escaped, `undefined`, `null` and `false` are nothing, and a list is its items one after the other. */
export type HtmlValue = Html | string | number | undefined | null | false | readonly HtmlValue[];

/** Makes a piece of a page. Every text in it is escaped, also in an attribute in double quotes. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  // nothing that is put in is a promise, so that neither is the piece
  return template(strings, ...values) as Html;
}
