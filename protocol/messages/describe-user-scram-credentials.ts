import { api, array, int8, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * DescribeUserScramCredentials (key 50): which users have SCRAM credentials.
 */
export const describeUserScramCredentials = api({
  key: 50,
  name: 'DescribeUserScramCredentials',
  versions: '0',
  flexible: '0+',
  request: { users: array({ name: string() }, { nullable: '0+' }) },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+' }),
    results: array({
      user: string(),
      errorCode: int16(),
      errorMessage: string({ nullable: '0+' }),
      credentialInfos: array({ mechanism: int8(), iterations: int32() }),
    }),
  },
})
export type DescribeUserScramCredentialsRequest = Request<typeof describeUserScramCredentials>
export type DescribeUserScramCredentialsResponse = Response<typeof describeUserScramCredentials>
