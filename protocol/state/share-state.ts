/** protocol/state: share partitions' state in `__share_group_state`. Source: Kafka 4.3.1's definitions. */
import { array, int8, int16, int32, int64, string, uuid } from '../schema/index.ts'
import { stored } from './stored.ts'

export const shareSnapshotKey = stored('ShareSnapshotKey', {
  type: 0,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }), topicId: uuid({ versions: '0' }), partition: int32({ versions: '0' }) },
})

export const shareSnapshotValue = stored('ShareSnapshotValue', {
  type: 0,
  versions: '0',
  flexible: '0+',
  fields: {
    snapshotEpoch: int32(),
    stateEpoch: int32(),
    leaderEpoch: int32(),
    startOffset: int64({ js: 'number' }),
    deliveryCompleteCount: int32({ tag: 0, default: -1 }),
    createTimestamp: int64({ js: 'number' }),
    writeTimestamp: int64({ js: 'number' }),
    stateBatches: array({
      firstOffset: int64({ js: 'number' }),
      lastOffset: int64({ js: 'number' }),
      deliveryState: int8(),
      deliveryCount: int16(),
    }),
  },
})

export const shareUpdateKey = stored('ShareUpdateKey', {
  type: 1,
  versions: '0',
  flexible: 'none',
  fields: { groupId: string({ versions: '0' }), topicId: uuid({ versions: '0' }), partition: int32({ versions: '0' }) },
})

export const shareUpdateValue = stored('ShareUpdateValue', {
  type: 1,
  versions: '0',
  flexible: '0+',
  fields: {
    snapshotEpoch: int32(),
    leaderEpoch: int32(),
    startOffset: int64({ js: 'number' }),
    deliveryCompleteCount: int32({ tag: 0, default: -1 }),
    stateBatches: array({
      firstOffset: int64({ js: 'number' }),
      lastOffset: int64({ js: 'number' }),
      deliveryState: int8(),
      deliveryCount: int16(),
    }),
  },
})
