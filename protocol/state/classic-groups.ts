/** protocol/state: classic groups in `__consumer_offsets`. Source: Kafka 4.3.1's definitions. */
import { array, bytes, int32, int64, string } from '../schema/index.ts'
import { stored } from './stored.ts'

export const groupMetadataKey = stored('GroupMetadataKey', {
  type: 2,
  versions: '0',
  flexible: 'none',
  fields: { group: string({ versions: '0' }) },
})
const memberMetadata = {
  memberId: string(),
  groupInstanceId: string({ versions: '3+', nullable: '3+', default: null }),
  clientId: string(),
  clientHost: string(),
  rebalanceTimeout: int32({ versions: '1+', default: -1 }),
  sessionTimeout: int32(),
  subscription: bytes(),
  assignment: bytes(),
}

export const groupMetadataValue = stored('GroupMetadataValue', {
  type: 2,
  versions: '0-4',
  flexible: '4+',
  fields: {
    protocolType: string(),
    generation: int32(),
    protocol: string({ nullable: '0+' }),
    leader: string({ nullable: '0+' }),
    currentStateTimestamp: int64({ versions: '2+', default: -1, js: 'number' }),
    members: array(memberMetadata),
  },
})
