import type { SignedIn } from '../access/Caller.js';
import type { Site } from '../front/Site.js';
import { html } from '../page/html.js';
import type { Html } from '../page/html.js';
import type { Invitation } from '../people/Invitations.js';
import { ROLES } from '../people/Person.js';
import type { Person } from '../people/Person.js';
import { faultLine } from './fault.js';
import { hiddenFields } from './passkeyForm.js';
import type { Fault } from './fault.js';
import { timeOf } from './timeOf.js';

/** What a form about a person says. */
export interface PersonForm {
  readonly name: string;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly userIds: readonly string[];
}

/** What the page of people shows. */
export interface PeopleView {
  readonly site: Site;
  readonly signedIn: SignedIn;
  readonly people: readonly Person[];
  readonly tampered: boolean;
  readonly invitations: readonly Invitation[];
  readonly mayConfirm: (invitation: Invitation) => boolean;
  /** Whether there may be invitations: the admin of development mode confirms no one. */
  readonly mayInvite: boolean;
  /** The URL of an invitation that was just made. */
  readonly newLink?: string | undefined;
  readonly fault?: Fault | undefined;
  /** What was typed. */
  readonly typed?: PersonForm | undefined;
}

/** The page of people and invitations, for admins. */
export function peoplePage(view: PeopleView): Html {
  const { site, people, tampered, invitations, mayInvite, newLink, fault } = view;
  return html`<h1>People</h1>
    ${faultLine(fault)}
    ${tampered && html`<p class="notice danger">Rows of people were changed by someone without the state key, and are not shown. Check who can write the store.</p>`}
    ${newLink !== undefined && html`<div class="notice" role="status"><h2>The invitation, shown this once</h2><p>Give it to the person in a way that no one else reads. It works once, for 72 hours.</p><code class="secret">${newLink}</code></div>`}
    <section class="card">
      <h2>People</h2>
      <ul class="in">
        ${people.map((person) => personRow(person, site.base))}
      </ul>
    </section>
    <section class="card">
      <h2>Invitations</h2>
      ${invitations.length === 0 ? html`<p class="in">No one is invited.</p>` : html`<ul class="in log">${invitations.map((one) => invitationRow(one, view))}</ul>`}
    </section>
    ${mayInvite ? inviteForm(view) : html`<p>To invite people, <a href="${site.base}/me">sign up with a passkey</a> first.</p>`}`;
}

function personRow({ id, name, roles, groups, userIds, accounts, status }: Person, base: string): Html {
  return html`<li>
    <a href="${base}/people/${encodeURIComponent(id)}">${name}</a> ${status !== 'active' && html`<span class="tag warn">${status}</span>`}
    <span class="muted">${[roles.join(', '), groups.join(', '), ...userIds, ...accounts.map(({ issuer }) => issuer)].filter((part) => part !== '').join(' · ')}</span>
  </li>`;
}

function invitationRow(invitation: Invitation, { site, signedIn, mayConfirm }: PeopleView): Html {
  const { id, name, status, roles, groups, madeBy, expiresAtMs, came } = invitation;
  const button = (act: string, text: string, look: string): Html =>
    html`<form method="post" action="${site.base}/people/invitations/${encodeURIComponent(id)}/${act}">
      ${hiddenFields({ csrf: signedIn.formToken })}<button class="${look}">${text}</button>
    </form>`;
  return html`<li>
    <span
      >${name} <span class="tag">${status}</span> ${[...roles, ...groups].join(', ')}, by ${madeBy}, until ${timeOf(expiresAtMs)}
      ${came && html`<br />${came.name} came ${timeOf(came.atMs)}.${status === 'came' && ' Ask them by another way whether it was they.'}`}</span
    >
    ${status === 'came' && mayConfirm(invitation) && button('confirm', 'Confirm', 'approve')}
    ${(status === 'came' || status === 'open') && button('revoke', 'Revoke', 'deny')}
  </li>`;
}

function inviteForm({ site, signedIn, fault, typed }: PeopleView): Html {
  return html`<section class="card">
    <h2>Invite someone</h2>
    <form method="post" action="${site.base}/people/invitations" class="in fields">
      ${hiddenFields({ csrf: signedIn.formToken })} ${personFields(typed, fault)}
      <button class="approve">Make the invitation</button>
    </form>
  </section>`;
}

/** The page of one person, for admins. */
export function personPage({
  site,
  signedIn,
  person,
  fault,
  typed,
}: Pick<PeopleView, 'site' | 'signedIn' | 'fault' | 'typed'> & { readonly person: Person }): Html {
  const { id, name, status, createdAtMs, createdBy, removedAtMs, removedBy, accounts } = person;
  const action = `${site.base}/people/${encodeURIComponent(id)}`;
  const csrf = hiddenFields({ csrf: signedIn.formToken });
  return html`<p><a href="${site.base}/people" rel="up">People</a></p>
    <h1>${name}</h1>
    ${faultLine(fault)}
    <dl class="facts">
      <dt>Id</dt>
      <dd>${id}</dd>
      <dt>Came</dt>
      <dd>${timeOf(createdAtMs)}, by ${createdBy}</dd>
      ${accounts.map(({ issuer, subject, mail, groups }) => html`<dt>Account</dt><dd>${issuer} · ${subject}${mail !== undefined && ` · ${mail}`}${groups !== undefined && ` · in ${groups.join(', ')}`}</dd>`)}
      ${removedAtMs !== undefined && html`<dt>Removed</dt><dd>${timeOf(removedAtMs)}, by ${removedBy}</dd>`}
    </dl>
    ${
      status === 'active' &&
      html`<form method="post" action="${action}" class="fields">${csrf} ${personFields(typed ?? person, fault)}<button class="approve">Save</button></form>`
    }
    ${status !== 'removed' && html`<form method="post" action="${action}/remove">${csrf}<button class="deny">Remove ${name}</button></form>`}`;
}

function personFields(typed: PersonForm | undefined, fault: Fault | undefined): Html {
  const { name = '', roles = ['viewer'], groups = [], userIds = [] } = typed ?? {};
  return html`<label>Name <input type="text" name="name" value="${name}" required maxlength="128" autocomplete="off" /></label>
    ${faultLine(fault, 'name')}
    <fieldset>
      <legend>Roles</legend>
      ${ROLES.map((role) => html`<label><input type="checkbox" name="${`role_${role}`}" value="on" ${roles.includes(role) && html`checked`} /> ${role}</label>`)}
    </fieldset>
    ${faultLine(fault, 'roles')}
    <label><span>Groups <span class="muted">separated by commas</span></span> <input type="text" name="groups" value="${groups.join(', ')}" autocomplete="off" /></label>
    ${faultLine(fault, 'groups')}
    <label><span>What agents call the person (<code>user_id</code>) <span class="muted">separated by commas</span></span> <input type="text" name="userIds" value="${userIds.join(', ')}" autocomplete="off" /></label>
    ${faultLine(fault, 'userIds')}`;
}
