import { api, array, bytes, int8, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * AlterUserScramCredentials (key 51): sets and removes SCRAM credentials.
 */
export const alterUserScramCredentials = api({
  key: 51,
  name: 'AlterUserScramCredentials',
  versions: '0',
  flexible: '0+',
  request: {
    deletions: array({ name: string(), mechanism: int8() }),
    upsertions: array({
      name: string(),
      mechanism: int8(),
      iterations: int32(),
      salt: bytes(),
      saltedPassword: bytes(),
    }),
  },
  response: {
    throttleTimeMs: int32(),
    results: array({ user: string(), errorCode: int16(), errorMessage: string({ nullable: '0+' }) }),
  },
})
export type AlterUserScramCredentialsRequest = Request<typeof alterUserScramCredentials>
export type AlterUserScramCredentialsResponse = Response<typeof alterUserScramCredentials>
