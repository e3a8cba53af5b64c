/** protocol/state: what classic consumers put into JoinGroup and SyncGroup: subscription and assignment. Source: Kafka 4.3.1's definitions. */
import { array, bytes, int32, string } from '../schema/index.ts'
import { stored } from './stored.ts'

export const consumerProtocolSubscription = stored('ConsumerProtocolSubscription', {
  versions: '0-3',
  flexible: 'none',
  fields: {
    topics: array(string()),
    userData: bytes({ nullable: '0+', default: null }),
    ownedPartitions: array(
      { topic: string({ versions: '1+' }), partitions: array(int32(), { versions: '1+' }) },
      { versions: '1+' },
    ),
    generationId: int32({ versions: '2+', default: -1 }),
    rackId: string({ versions: '3+', nullable: '3+', default: null }),
  },
})

export const consumerProtocolAssignment = stored('ConsumerProtocolAssignment', {
  versions: '0-3',
  flexible: 'none',
  fields: {
    assignedPartitions: array({ topic: string(), partitions: array(int32()) }),
    userData: bytes({ nullable: '0+', default: null }),
  },
})
