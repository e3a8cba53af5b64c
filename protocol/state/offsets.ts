/** protocol/state: committed offsets in `__consumer_offsets`. Source: Kafka 4.3.1's definitions. */
import { int32, int64, string, uuid } from '../schema/index.ts'
import { stored } from './stored.ts'

export const offsetCommitKey = stored('OffsetCommitKey', {
  type: 1,
  versions: '0',
  flexible: 'none',
  fields: { group: string({ versions: '0' }), topic: string({ versions: '0' }), partition: int32({ versions: '0' }) },
})

export const offsetCommitValue = stored('OffsetCommitValue', {
  type: 1,
  versions: '0-4',
  flexible: '4+',
  fields: {
    offset: int64({ js: 'number' }),
    leaderEpoch: int32({ versions: '3+', default: -1 }),
    metadata: string(),
    commitTimestamp: int64({ js: 'number' }),
    expireTimestamp: int64({ versions: '1', default: -1, js: 'number' }),
    topicId: uuid({ versions: '4+', tag: 0 }),
  },
})

export const legacyOffsetCommitKey = stored('LegacyOffsetCommitKey', {
  type: 0,
  versions: '0',
  flexible: 'none',
  fields: { group: string({ versions: '0' }), topic: string({ versions: '0' }), partition: int32({ versions: '0' }) },
})

export const legacyOffsetCommitValue = stored('LegacyOffsetCommitValue', {
  type: 0,
  versions: '0',
  flexible: 'none',
  fields: {
    offset: int64({ versions: '0', js: 'number' }),
    metadata: string({ versions: '0' }),
    commitTimestamp: int64({ versions: '0', js: 'number' }),
  },
})
