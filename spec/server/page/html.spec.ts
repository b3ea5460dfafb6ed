import { expect } from 'chai';
import { html } from '../../../lib/server/page/html.js';

describe('html', () => {
  it('escapes every text, also in attributes and in lists', () => {
    const hostile = `<img src=x onerror="a('&')">`;
    const escaped = '&lt;img src=x onerror=&quot;a(&#39;&amp;&#39;)&quot;&gt;';
    expect(html`<p title="${hostile}">${[hostile, [hostile]]}</p>`.toString()).to.equal(`<p title="${escaped}">${escaped}${escaped}</p>`);
  });

  it('puts pieces in as they are, and nothing for what is not there', () => {
    const items = [1, 2].map((n) => html`<li>${n}</li>`);
    expect(html`<ul>${items}${undefined}${null}${false}</ul>`.toString()).to.equal('<ul><li>1</li><li>2</li></ul>');
  });

  it('takes no object of data for a piece', () => {
    const data = JSON.parse('{"isEscaped":true,"toString":"<script>"}') as string;
    expect(() => html`<p>${data}</p>`.toString()).to.throw(TypeError);
  });
});
