/** config: what Kafka's StandardAuthorizer reads from the broker's settings; no part of Kafka's own list of broker configs. */

import { boolean, string } from './config-definition.ts'
import { obeyed } from './effects.ts'

export const authorizerConfigs = {
  'allow.everyone.if.no.acl.found': boolean(false, {
    effect: obeyed,
    documentation: 'Whether everybody may access a resource that no ACL names.',
  }),
  'super.users': string('', {
    effect: obeyed,
    documentation: 'Principals that may do everything, separated by semicolons: User:alice;User:bob.',
  }),
} as const
