import { didYouMean } from '../../common/didYouMean.js';
import type { SecretString } from '../../common/SecretString.js';
import type { OptionKinds } from '../../common/readOptions.js';
import { isLoopbackHost } from '../../common/transport/loopback.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { ROLES } from '../people/Person.js';
import type { Role } from '../people/Person.js';

/** An issuer of identities (OpenID Connect) at which the people of a tenant sign in. It needs the package `openid-client`. */
export interface IssuerOptions {
  /** Its URL, such as `https://login.example.com`; https, but on loopback. */
  readonly issuer: string;
  /** What it calls this server. */
  readonly clientId: string;
  /** The secret that it gave this server. @defaultValue none: a public client, with PKCE */
  readonly clientSecret?: string | SecretString | undefined;
  /** What people call it, on the button. @defaultValue the host of its URL */
  readonly name?: string | undefined;
  /** The claim with the groups of a person, for `@approvers`. @defaultValue none are taken */
  readonly groupsClaim?: string | undefined;
  /**
   * Whether a mail address that it says it has verified is an id of the person.
   *
   * @defaultValue false
   */
  readonly trustsMail?: boolean | undefined;
  /**
   * The roles of people who come for the first time; admins change them later.
   *
   * @defaultValue `['viewer']`
   */
  readonly roles?: readonly Role[] | undefined;
}

const KINDS: OptionKinds<IssuerOptions> = {
  issuer: 'text!',
  clientId: 'text!',
  clientSecret: 'text|object',
  name: 'text',
  groupsClaim: 'text',
  trustsMail: 'boolean',
  roles: 'list',
};

/** @throws ConfigError naming what is wrong */
export function checkedIssuer(where: string, given: IssuerOptions): IssuerOptions {
  const options = checkedOptions(where, given, KINDS);
  const url = URL.canParse(options.issuer) ? new URL(options.issuer) : undefined;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname));
  if (!isSafe)
    throw new ConfigError([
      { where: `${where}.issuer`, message: 'must be an https URL, such as https://login.example.com; http on loopback only.' },
    ]);
  for (const role of options.roles ?? [])
    if (!ROLES.includes(role))
      throw new ConfigError([
        {
          where: `${where}.roles`,
          message: `has a role that does not exist${didYouMean(role, ROLES)}; the roles are ${ROLES.join(', ')}.`,
        },
      ]);
  return options;
}
