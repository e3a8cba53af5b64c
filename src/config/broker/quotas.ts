/** config: broker configs of the windows over which quotas are measured. */

import { int, javaClass } from '../config-definition.ts'
import { notYet, obeyed } from '../effects.ts'
import { atLeast } from '../validators.ts'

export const quotaWindowConfigs = {
  'alter.log.dirs.replication.quota.window.num': int(11, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: notYet.internals,
    documentation: 'The number of samples to retain in memory for alter log dirs replication quotas',
  }),
  'alter.log.dirs.replication.quota.window.size.seconds': int(1, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: notYet.internals,
    documentation: 'The time span of each sample for alter log dirs replication quotas',
  }),
  'client.quota.callback.class': javaClass(null, {
    importance: 'LOW',
    effect: notYet.javaClasses,
    documentation:
      'The fully qualified name of a class that implements the ClientQuotaCallback interface, which is used to determine quota limits applied to client requests.',
  }),
  'controller.quota.window.num': int(11, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: obeyed,
    documentation: 'The number of samples to retain in memory for controller mutation quotas',
  }),
  'controller.quota.window.size.seconds': int(1, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: obeyed,
    documentation: 'The time span of each sample for controller mutations quotas',
  }),
  'quota.window.num': int(11, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: obeyed,
    documentation: 'The number of samples to retain in memory for client quotas',
  }),
  'quota.window.size.seconds': int(1, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: obeyed,
    documentation: 'The time span of each sample for client quotas',
  }),
  'replication.quota.window.num': int(11, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: notYet.replication,
    documentation: 'The number of samples to retain in memory for replication quotas',
  }),
  'replication.quota.window.size.seconds': int(1, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: notYet.replication,
    documentation: 'The time span of each sample for replication quotas',
  }),
} as const
