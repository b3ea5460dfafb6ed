import { html } from '../html.js';
import type { Html } from '../html.js';
import { keyList } from '../keyList.js';

/** The page that says how to decide, what the marks mean, and how to connect an agent. */
export function helpPage(): Html {
  return html`<h1>Help</h1><p class="muted">How to decide, and what the pages show.</p>
<section class="card prose" id="decide"><h2>Deciding</h2><div class="in"><ul>
<li>You decide where everything is shown: on the page of one approval. Lists and messages are cut, so they decide nothing.</li>
<li>A no is one press. What a yes takes depends on the severity: low and medium one press; high, and everything that may deceive, a reason and the first four characters of the digest; critical a reason and your passkey.</li>
<li>One no ends it. Each policy that asks needs a yes; with the last one the call runs at once, with exactly the values that you saw.</li>
<li>You cannot approve what you asked for yourself, unless the policy says so.</li>
<li>Without a verdict in time, the call does not run.</li>
<li>Approve and Deny do not answer a press that began less than 0.7 seconds after the page was shown or changed.</li></ul></div></section>
<section class="card prose" id="marks"><h2>Marks in values</h2><div class="in"><dl class="facts wide">
<dt><span class="u">ZWSP U+200B</span></dt><dd>a character that shows nothing, or reorders the text around it</dd>
<dt><span class="x">а</span><span class="u">Cyrillic U+0430</span></dt><dd>a letter that looks like another one</dd>
<dt class="t"><i>↵</i></dt><dd>the end of a line</dd>
<dt><span class="u">61 line ends in a row</span></dt><dd>blank lines that would push text out of sight</dd>
<dt><ins class="i">text</ins> <del class="d">text</del></dt><dd>what a policy changed, and what the agent had written</dd></dl></div></section>
<section class="card prose" id="states"><h2>How it ends</h2><div class="in"><dl class="facts wide">
<dt>Approved</dt><dd>it may run once, and has not yet</dd><dt>Running</dt><dd>it has begun</dd><dt>Done, failed</dt><dd>what the program that runs it said</dd>
<dt>May have run</dt><dd>its process ended before it could say; nothing runs it again until someone has found out</dd><dt>Time is over</dt><dd>no one decided, or it was not run, in time</dd></dl></div></section>
<section class="card prose" id="limits"><h2>Limits</h2><div class="in"><ul>
<li>A limit is a policy that says how much may run in which time, such as refunds of 1,000 a day for each user. The page Limits shows how much is used, and when it is free again.</li>
<li>Where a limit is reached, calls are denied, or a person is asked: then the approval says which limit, and how much is used with this call and without it. Who approves lets this call run beyond it, and no other.</li>
<li>A call that you approve counts when it runs. If others have used up the limit by then, it is asked about again, or denied.</li></ul></div></section>
<section class="card prose" id="keys"><h2>Keys</h2><div class="in"><p>No key decides. Keys do nothing while you type in a field.</p>${keyList()}
<p><label><input type="checkbox" data-keys-switch checked> Keys are on in this browser</label></p></div></section>
<section class="card prose" id="connect"><h2>Connecting an agent</h2><div class="in"><ol class="steps"><li>Make a key: <code>npx aegis keys create --name my-agent --agent my-agent</code></li><li>Give the program of the agent the key as <code>AEGIS_API_KEY</code>, and the address of this server as <code>AEGIS_BASE_URL</code>.</li><li>Guard its tools with <code>aegislib</code>. What a policy marks with <code>@effect("approval_needed")</code> then waits here.</li></ol></div></section>`;
}
