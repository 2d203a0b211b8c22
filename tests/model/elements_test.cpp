#include "sdk/model/element_types.hpp"

#include <gtest/gtest.h>

namespace mole {
namespace {

std::string describe(const std::optional<Element>& e) {
  if (!e) return "none";
  return e->name + " " + std::to_string(e->enterprise) + "/" + std::to_string(e->id) + " " + name_of(e->type);
}

TEST(Elements, AreFoundByNameInAnyCase) {
  EXPECT_EQ(describe(find_element("octetDeltaCount")), "octetDeltaCount 0/1 unsigned64");
  EXPECT_EQ(describe(find_element("OCTETDELTACOUNT")), "octetDeltaCount 0/1 unsigned64");
  EXPECT_EQ(describe(find_element("sourceIPv6Address")), "sourceIPv6Address 0/27 ipv6Address");
  EXPECT_EQ(describe(find_element("silkAppLabel")), "silkAppLabel 6871/33 unsigned16");
  EXPECT_EQ(describe(find_element("basicList")), "basicList 0/291 basicList");
  for (const char* unknown : {"", "octetDelta", "octetDeltaCount2", "reverse", "cert:", "cert:octetDeltaCount", "zzz"})
    EXPECT_EQ(describe(find_element(unknown)), "none") << unknown;
}

TEST(Elements, AreFoundByNumber) {
  EXPECT_EQ(describe(find_element(0, 152)), "flowStartMilliseconds 0/152 dateTimeMilliseconds");
  EXPECT_EQ(describe(find_element(6871, 293)), "mptcpFlags 6871/293 unsigned8");
  EXPECT_EQ(describe(find_element(0, 293)), "subTemplateMultiList 0/293 subTemplateMultiList");
  EXPECT_EQ(describe(find_element(0, 40'000)), "none");
  EXPECT_EQ(describe(find_element(9, 1)), "none");
}

TEST(Elements, AreFoundByEarlierNames) {
  EXPECT_EQ(describe(find_element("dnsQName")), "dnsName 6871/179 string");
  EXPECT_EQ(describe(find_element(6871, 179)), "dnsName 6871/179 string");
}

TEST(Elements, OfOneNameAreToldApartByTheEnterprise) {
  EXPECT_EQ(describe(find_element("httpUserAgent")), "httpUserAgent 0/468 string");
  EXPECT_EQ(describe(find_element("cert:httpUserAgent")), "httpUserAgent 6871/111 string");
}

TEST(Elements, HaveReverseElements) {
  EXPECT_EQ(describe(find_element("reverseOctetDeltaCount")), "reverseOctetDeltaCount 29305/1 unsigned64");
  EXPECT_EQ(describe(find_element(29305, 86)), "reversePacketTotalCount 29305/86 unsigned64");
  EXPECT_EQ(describe(find_element("reverseInitialTCPFlags")), "reverseInitialTCPFlags 6871/16398 unsigned16");
  EXPECT_EQ(describe(find_element(6871, 16399)), "reverseUnionTCPFlags 6871/16399 unsigned16");
  EXPECT_EQ(describe(find_element("reverseFlowDeltaMilliseconds")), "reverseFlowDeltaMilliseconds 6871/21 unsigned32");
  EXPECT_EQ(describe(find_element("reversePaddingOctets")), "none") << "not reversible";
  EXPECT_EQ(describe(find_element(29305, 239)), "none") << "not reversible";
  EXPECT_EQ(describe(find_element(6871, 33 | 0x4000)), "none") << "not reversible";
}

TEST(Elements, AreNamedByTheirNumbers) {
  EXPECT_EQ(describe(find_element("9/12232")), "9/12232 9/12232 octetArray");
  EXPECT_EQ(describe(find_element("009/07")), "9/7 9/7 octetArray");
  EXPECT_EQ(describe(find_element("6871/179")), "dnsName 6871/179 string") << "an element of a list has its name and type";
  EXPECT_EQ(describe(find_element("0/40001")), "0/40001 0/40001 octetArray") << "NetFlow v9 has such numbers";
  for (const char* wrong : {"9/", "/9", "9/0", "9/65536", "4294967296/1", "9/1/2", "-9/1", "9/x", "9 /1", "9/1 "})
    EXPECT_EQ(describe(find_element(wrong)), "none") << wrong;
}

TEST(Elements, WithoutANameAreReadAsAStatedType) {
  EXPECT_EQ(describe(find_element("9/12232:string")), "9/12232:string 9/12232 string");
  EXPECT_EQ(describe(find_element("009/07:IPV4ADDRESS")), "9/7:ipv4Address 9/7 ipv4Address");
  EXPECT_EQ(describe(find_element("9/12232:octetArray")), "9/12232 9/12232 octetArray") << "as without a type";
  EXPECT_EQ(describe(find_element("6871/179:string")), "dnsName 6871/179 string");
  for (const char* wrong : {"9/12232:", "9/12232:strings", "9/12232:string:", "9/12232:dateTimeSeconds", "9/12232:basicList",
                            "6871/179:unsigned8", "9/0:string", "dnsName:string"})
    EXPECT_EQ(describe(find_element(wrong)), "none") << wrong;
  EXPECT_NE(wrong_element_type("9/12232:text").find("choose from octetArray, unsigned8, "), std::string::npos);
  EXPECT_NE(wrong_element_type("9/12232:dateTimeSeconds").find("unsigned32 for seconds"), std::string::npos);
  EXPECT_NE(wrong_element_type("6871/179:unsigned8").find("6871/179 is dnsName, whose type is string"), std::string::npos);
  for (const char* right : {"9/12232:string", "9/12232", "dnsName", "colour", "6871/179:string"})
    EXPECT_EQ(wrong_element_type(right), "") << right;
}

TEST(Elements, HaveTypesByNumber) {
  EXPECT_EQ(element_type_of_number(0), ElementType::octet_array);
  EXPECT_EQ(element_type_of_number(13), ElementType::string);
  EXPECT_EQ(element_type_of_number(19), ElementType::ipv6_address);
  EXPECT_EQ(element_type_of_number(23), ElementType::unsigned256);
  EXPECT_EQ(element_type_of_number(24), std::nullopt);
}

TEST(Elements, OfNearNamesAreSuggested) {
  EXPECT_EQ(nearest_elements("application_labels").front(), "application_label") << "a flow column";

  EXPECT_EQ(nearest_elements("dnsQNam").front(), "dnsQName");
  EXPECT_EQ(nearest_elements("OCTETDELTACOUNTS").front(), "octetDeltaCount");
  EXPECT_TRUE(nearest_elements("colour").empty());
  EXPECT_TRUE(nearest_elements("").empty());
  EXPECT_TRUE(nearest_elements(std::string(100'000, 'x')).empty());
  EXPECT_LE(nearest_elements("postNATSourceIPv").size(), 3u);
}

TEST(Elements, EveryNameIsFound) {
  for (std::uint32_t enterprise : {0u, 6871u})
    for (std::uint32_t id = 0; id < 32768; ++id) {
      const auto element = find_element(enterprise, static_cast<std::uint16_t>(id));
      if (!element || (enterprise != 0 && (id & 0x4000) != 0)) continue;
      const auto again = find_element((enterprise == 0 ? "" : "cert:") + element->name);
      ASSERT_TRUE(again) << element->name;
      EXPECT_EQ(describe(again), describe(element));
    }
}

}  // namespace
}  // namespace mole
