/** The client of S3. Only this room knows the AWS SDK, an optional package, which is loaded when a path needs it. */
import { createRequire } from 'node:module';
import type { S3Client } from '@aws-sdk/client-s3';
import { CopyPasteError, codeOf, messageOf } from '../errors.ts';
import { s3Scheme } from './store.ts';

/** A place in S3; the key is empty for a whole bucket. */
export interface Place {
  readonly Bucket: string;
  readonly Key: string;
}

/** Largest number of connections of each thread. */
const mostConnections = 64;

/** Milliseconds after which a connection is given up: while it is made, and without a byte on it. */
const patience = { connect: 10_000, silent: 60_000 };

/** Attempts of a request, with longer and longer waits; `AWS_MAX_ATTEMPTS` is another number. */
const attempts = 8;

/** Bucket and key of a path. */
export function placeOf(path: string): Place {
  const [, Bucket = '', Key = ''] = /^([^/]*)\/?(.*)$/s.exec(path.slice(s3Scheme.length)) ?? [];
  return { Bucket, Key };
}

type Sdk = typeof import('@aws-sdk/client-s3');

/** Version of the SDK; `undefined` if it is not installed. */
export function sdkVersion(): string | undefined {
  try {
    return createRequire(import.meta.url)('@aws-sdk/client-s3/package.json').version;
  } catch {
    return undefined;
  }
}

/** What to do if the SDK is not installed. */
export const installSdk = 'run npm install @aws-sdk/client-s3';

interface Connection {
  readonly sdk: Sdk;
  readonly client: S3Client;
}

let opening: Promise<Connection> | undefined;

/** The SDK, and a client with the credentials, the region and the endpoint of its default chain. @throws {CopyPasteError} `unavailable` without the SDK. */
function connection(): Promise<Connection> {
  opening ??= connect();
  return opening;
}

async function connect(): Promise<Connection> {
  const sdk = await import('@aws-sdk/client-s3').catch((cause: unknown) => {
    if (codeOf(cause) !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new CopyPasteError('unavailable', `s3:// needs the AWS SDK, which is not installed; ${installSdk}`, {
      cause,
    });
  });
  const silent = () => {};
  const { AWS_MAX_ATTEMPTS, AWS_RETRY_MODE } = process.env;
  const client = withoutWarning(
    () =>
      new sdk.S3Client({
        ...(AWS_MAX_ATTEMPTS === undefined && { maxAttempts: attempts }),
        ...(AWS_RETRY_MODE === undefined && { retryMode: 'adaptive' }),
        followRegionRedirects: true,
        requestHandler: {
          connectionTimeout: patience.connect,
          socketTimeout: patience.silent,
          httpAgent: { maxSockets: mostConnections, keepAlive: true },
          httpsAgent: { maxSockets: mostConnections, keepAlive: true },
        },
        // Objects are compared by digests of our own; other stores that speak S3 do not know all checksums.
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
        // Nothing is logged, since requests have credentials.
        logger: { trace: silent, debug: silent, info: silent, warn: silent, error: silent },
      }),
  );
  // Buckets of other stores seldom have host names of their own.
  const { config } = client as { config: { forcePathStyle?: unknown; serviceConfiguredEndpoint?: () => Promise<string | undefined> } };
  if ((await config.serviceConfiguredEndpoint?.()) !== undefined) config.forcePathStyle = true;
  return { sdk, client };
}

/** Runs a step without the SDK's warning about versions of Node that it will support no more. */
function withoutWarning<T>(step: () => T): T {
  const name = 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED';
  const { [name]: before } = process.env;
  process.env[name] = 'true';
  try {
    return step();
  } finally {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
}

/** Runs a request. @throws {Error} with a code, as `explained`. */
export async function requested<T>(path: string, request: (connection: Connection) => Promise<T>): Promise<T> {
  const opened = await connection();
  try {
    return await request(opened);
  } catch (error) {
    throw explained(error, path);
  }
}

/** Code of the error of an object that is not the one that was expected, or exists although it must not. */
export const changedCode = 'ECHANGED';

/** Code of the error of a write that another one was faster than; the object may be there or not. */
export const conflictCode = 'ECONFLICT';

/** What is said of errors of S3, by their names; all other names are said as they are. */
const known: Readonly<Record<string, readonly [code: string, what: string]>> = {
  NoSuchBucket: ['ENOENT', 'there is no such bucket'],
  NoSuchKey: ['ENOENT', 'there is no such object'],
  NotFound: ['ENOENT', 'there is no such object or bucket'],
  AccessDenied: ['EACCES', 'permission denied'],
  Forbidden: ['EACCES', 'permission denied'],
  BadRequest: ['EACCES', 'the request is refused; the credentials may have expired'],
  InvalidAccessKeyId: ['EACCES', 'the access key is not known'],
  SignatureDoesNotMatch: ['EACCES', 'the secret key does not fit the access key'],
  ExpiredToken: ['EACCES', 'the credentials have expired; renew them'],
  ExpiredTokenException: ['EACCES', 'the credentials have expired; renew them'],
  TokenRefreshRequired: ['EACCES', 'the credentials have expired; renew them'],
  CredentialsProviderError: [
    'ECREDENTIALS',
    'there are no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
  ],
  PreconditionFailed: [changedCode, 'it has changed'],
  ConditionalRequestConflict: [conflictCode, 'another process writes it again and again; try later'],
  SlowDown: ['EAGAIN', 'the store is asked too often; lower --jobs, or try later'],
  ServiceUnavailable: ['EAGAIN', 'the store is busy; try later'],
  TooManyRequestsException: ['EAGAIN', 'the store is asked too often; lower --jobs, or try later'],
  InvalidBucketName: ['EINVAL', 'the name of the bucket is not valid'],
  NotImplemented: ['ENOTSUP', 'the store does not know this request'],
};

/** Names of errors that come without one, as those of HEAD do. */
const byStatus: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  403: 'AccessDenied',
  404: 'NotFound',
  412: 'PreconditionFailed',
  429: 'SlowDown',
  503: 'SlowDown',
};

/** An error of the SDK in plain words, with a code, and without anything of the request: that has credentials. */
function explained(error: unknown, path: string): Error {
  if (error instanceof CopyPasteError) return error;
  const { name = '', $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  const nameless = ['', 'Error', 'Unknown', 'UnknownError', `${status}`].includes(name);
  const [code, what] = known[name] ?? (nameless || status !== 400 ? known[byStatus[status ?? 0] ?? ''] : undefined) ?? [];
  if (code === 'ENOENT' && name === 'NoSuchBucket') return failure(code, `${what} as ${placeOf(path).Bucket}`);
  const message = messageOf(error);
  const { AWS_PROFILE: profile = '' } = process.env;
  if (profile !== '' && (name === 'CredentialsProviderError' || (/credentials/i.test(message) && status === undefined)))
    return failure('ECREDENTIALS', `the profile ${profile} gives no AWS credentials; correct AWS_PROFILE, or log in to it`);
  if (code !== undefined && what !== undefined) return failure(code, what);
  if (/credentials/i.test(message) && status === undefined) return failure(...(known.CredentialsProviderError as [string, string]));
  if (/region is missing/i.test(message)) return failure('ECREDENTIALS', 'there is no AWS region; set AWS_REGION');
  const own = codeOf(error);
  if (own !== undefined) return failure(own === 'ENOENT' ? 'EIO' : own, `the store cannot be reached (${own})`);
  return failure('EIO', `the store answers ${name}${status === undefined ? '' : ` (HTTP ${status})`}: ${withoutSecrets(message)}`);
}

/** A message without user names, passwords and signatures in addresses. */
function withoutSecrets(message: string): string {
  return message.replaceAll(/\/\/[^/\s]*@/g, '//').replaceAll(/\?\S*/g, '');
}

function failure(code: string, what: string): Error {
  return Object.assign(new Error(what), { code });
}
