namespace Mim.Configuration;

static class StrictYaml
{
}
