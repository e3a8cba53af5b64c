/** protocol/state: control records and the quorum state of the metadata log. Source: Kafka 4.3.1's definitions. */
import { array, int16, int32, int64, string, struct, uint16, uuid } from '../schema/index.ts'
import { stored } from './stored.ts'

const voter = { voterId: int32(), voterDirectoryId: uuid({ versions: '1+' }) }

export const leaderChangeMessage = stored('LeaderChangeMessage', {
  versions: '0-1',
  flexible: '0+',
  fields: { version: int16(), leaderId: int32(), voters: array(voter), grantingVoters: array(voter) },
})

export const kRaftVersionRecord = stored('KRaftVersionRecord', {
  versions: '0',
  flexible: '0+',
  fields: { version: int16(), kRaftVersion: int16() },
})

export const votersRecord = stored('VotersRecord', {
  versions: '0',
  flexible: '0+',
  fields: {
    version: int16(),
    voters: array({
      voterId: int32(),
      voterDirectoryId: uuid(),
      endpoints: array({ name: string(), host: string(), port: uint16() }),
      kRaftVersionFeature: struct({ minSupportedVersion: int16(), maxSupportedVersion: int16() }),
    }),
  },
})

export const snapshotHeaderRecord = stored('SnapshotHeaderRecord', {
  versions: '0',
  flexible: '0+',
  fields: { version: int16(), lastContainedLogTimestamp: int64({ js: 'number' }) },
})

export const snapshotFooterRecord = stored('SnapshotFooterRecord', {
  versions: '0',
  flexible: '0+',
  fields: { version: int16() },
})

export const quorumStateData = stored('QuorumStateData', {
  versions: '0-1',
  flexible: '0+',
  fields: {
    clusterId: string({ versions: '0' }),
    leaderId: int32({ default: -1 }),
    leaderEpoch: int32({ default: -1 }),
    votedId: int32({ default: -1 }),
    votedDirectoryId: uuid({ versions: '1+' }),
    appliedOffset: int64({ versions: '0', js: 'number' }),
    currentVoters: array({ voterId: int32({ versions: '0' }) }, { versions: '0', nullable: '0' }),
  },
})
