// Usage: node check.js BASE_URL TOKEN DIRECTORY < request.json
// Asks for a voiceover with the official client and prints what it returned, as JSON.
const { readFileSync } = require("node:fs");
const Client = require("magic-hour").default;

async function main() {
  const [baseUrl, token, downloadDirectory] = process.argv.slice(2);
  const request = JSON.parse(readFileSync(0, "utf8"));
  const client = new Client({ token, baseUrl });
  const project = await client.v1.aiVoiceGenerator.generate(request, {
    waitForCompletion: true,
    downloadOutputs: true,
    downloadDirectory,
  });
  const [downloaded] = project.downloadedPaths ?? [];
  const uploaded = downloaded ? await client.v1.files.uploadFile(downloaded) : null;
  const checked = await client.v1.audioProjects.get({ id: project.id });
  await client.v1.audioProjects.delete({ id: project.id });
  const deleted = await client.v1.audioProjects.get({ id: project.id });
  console.log(JSON.stringify({ project, uploaded, checked, deleted }));
}

main().catch((error) => {
  console.error(error.response ? `${error.message} (${error.response.status})` : error);
  process.exit(1);
});
